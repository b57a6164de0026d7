import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import type { LocationQueryRaw } from 'vue-router'
import type { Importance } from '../../shared/domain/importance'
import type { PairedResult } from '../../shared/domain/compare'

/** What outlives the Compare page: where it was left, and what took time; and what all of its parts follow at once. */
export const useComparisonView = defineStore('comparison-view', () => {
  /** The address at which it was left; undefined where it compared nothing. */
  const last = shallowRef<LocationQueryRaw>()
  /** The run that the pointer is on, anywhere. */
  const pointed = ref<string>()
  /** By their questions, the oldest first. */
  const answers = new Map<string, PairedResult>()
  const importances = new Map<string, Importance>()
  return { last, pointed, answers, importances }
})
