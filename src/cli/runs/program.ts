import type { Command } from 'commander'
import { addAnnotate } from './annotate'
import { addCompare } from './compare'
import { addList } from './list'
import { addRemove } from './remove'
import { addReproduce } from './reproduce'
import { addShow } from './show'
import { addTransfer } from './transfer'

export function addRuns(program: Command, exit: (code: number) => void): void {
  const runs = program.command('runs').description('List, compare, annotate, move and repeat runs')
  addList(runs, exit)
  addShow(runs, exit)
  addCompare(runs, exit)
  addAnnotate(runs, exit)
  addTransfer(runs, exit)
  addRemove(runs, exit)
  addReproduce(runs, exit)
}
