import { computed, ref, watch } from 'vue'
import { useRoute, useRouter, type LocationQueryRaw } from 'vue-router'
import { selectionsOf, selectionText, type Selection } from './selection'

/** What narrows the table of users, held by the address: whoever opens it sees the same. */
export function useSelections() {
  const route = useRoute()
  const router = useRouter()
  const selections = computed(() => selectionsOf(route.query.only))
  const search = ref('')

  function change(changes: LocationQueryRaw): void {
    void router.replace({ name: 'users', query: { ...route.query, ...changes } })
  }
  const restrict = (next: readonly Selection[]): void => change({ only: next.map(selectionText) })

  watch(
    () => route.query.find,
    (text) => (search.value = typeof text === 'string' ? text : ''),
    { immediate: true },
  )
  watch(search, (text) => {
    if (route.name === 'users' && text !== (route.query.find ?? '')) change({ find: text === '' ? undefined : text })
  })

  return {
    selections,
    search,
    /** A later selection from the same place takes its place. */
    select: (one: Selection) => restrict([...selections.value.filter(({ from }) => from !== one.from), one]),
    clear: (from: Selection['from']) => {
      if (selections.value.some((one) => one.from === from))
        restrict(selections.value.filter((one) => one.from !== from))
    },
    clearAll: () => {
      search.value = ''
      change({ only: undefined, find: undefined })
    },
  }
}
