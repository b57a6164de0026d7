import type { Command } from 'commander'
import { addAdapt } from './adapt'
import { addBackends } from './backends'
import { addData } from './data'
import { addEval } from './eval'
import { addPredict } from './predict'
import { addRuns } from './runs/program'
import { addServe } from './serve'
import { addSweep } from './sweep'

/** Everything but `train`, which does not wait until all this is read. */
export function addOtherVerbs(program: Command, exit: (code: number) => void): void {
  addAdapt(program, exit)
  addEval(program, exit)
  addPredict(program, exit)
  addData(program, exit)
  addRuns(program, exit)
  addBackends(program, exit)
  addServe(program, exit)
  addSweep(program, exit)
}
