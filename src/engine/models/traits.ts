import type { ExperimentConfig } from '../../shared/config/experiment'

/** Whether the model reads words: bags of words are loaded for it alone. */
export const needsBagOfWords = ({ model_name }: ExperimentConfig): boolean => model_name === 'ntm'

/** Whether `createFusedModel` gives a form of it. */
export const hasFusedForm = ({ model_name }: ExperimentConfig): boolean => model_name !== 'ntm'
