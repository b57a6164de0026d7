import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import type { LocationQuery, LocationQueryRaw } from 'vue-router'
import type { UserId } from '../../shared/domain/dataset'
import { evaluatedSplitSchema } from '../../shared/domain/evaluation'
import type { Sort } from './people'
import type { UsersPlace } from './useUsers'

/** What of the page stands in its address. */
export function placeOf({ run, split }: LocationQuery): UsersPlace {
  return {
    run: typeof run === 'string' && run !== '' ? run : undefined,
    split: evaluatedSplitSchema.safeParse(split).data ?? 'test',
  }
}

/** What is left of the page when it is left, until the window closes. */
export const useUsersView = defineStore('users', () => {
  const last = shallowRef<LocationQueryRaw>()
  const current = ref<UserId>()
  const sort = shallowRef<Sort>({ key: 'pairs', descending: true })
  return { last, current, sort }
})
