import { defineStore } from 'pinia'
import { computed, ref, watchEffect } from 'vue'

export const THEME_CHOICES = ['system', 'light', 'dark'] as const
export type ThemeChoice = (typeof THEME_CHOICES)[number]

const STORAGE_KEY = 'delta.theme'

function stored(): ThemeChoice {
  const value = localStorage.getItem(STORAGE_KEY)
  return THEME_CHOICES.find((choice) => choice === value) ?? 'system'
}

export const useTheme = defineStore('theme', () => {
  const choice = ref<ThemeChoice>(stored())
  const system = matchMedia('(prefers-color-scheme: dark)')
  const systemIsDark = ref(system.matches)
  system.addEventListener('change', ({ matches }) => (systemIsDark.value = matches))

  /** What is seen; canvases redraw when it changes. */
  const shown = computed(() => (choice.value === 'system' ? (systemIsDark.value ? 'dark' : 'light') : choice.value))

  watchEffect(
    () => {
      document.documentElement.dataset.theme = shown.value
      localStorage.setItem(STORAGE_KEY, choice.value)
    },
    { flush: 'sync' },
  )
  return { choice, shown }
})
