import type { ParameterSpec, Sizes } from '../model'

export const WEIGHT = 'w.weight'

export function btParameters({ width }: Sizes): ParameterSpec[] {
  return [{ name: WEIGHT, shape: [1, width], init: { kind: 'constant', value: 0 } }]
}
