import type { Dataset } from '../data/dataset'
import type { Sizes } from './model'

/** What a data set decides about a model's shapes. */
export function sizesOf({ trainedUsers, width, featureColumns, vocabulary }: Dataset): Sizes {
  return { users: trainedUsers, width, features: featureColumns.length, vocabulary: vocabulary?.length ?? 0 }
}
