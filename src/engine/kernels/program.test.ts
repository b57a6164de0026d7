import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { all, compile, mergeLevels, own, Program, ProgramSpace, real, type Operation } from './program'
import { closeLaboratories, everywhere, grid, openLaboratories } from './testing/laboratory'

beforeAll(openLaboratories)
afterAll(closeLaboratories)

/** An operation of which only the order matters. */
const operation = (name: string, share: string, accesses: Partial<Pick<Operation, 'reads' | 'writes'>>): Operation => ({
  name,
  share,
  words: [],
  reads: [],
  writes: [],
  ...accesses,
})

/** Names of the operations of each level. */
function levels(...operations: Operation[]): string[][] {
  const program = new Program()
  for (const one of operations) program.add(one)
  return program.levels.map((level) => level.map(({ name }) => name))
}

const [A, B] = [1000, 2000]

describe('a barrier', () => {
  const writer = operation('write', 'pairs', { writes: [own(A)] })

  it.each([
    { case: 'another share’s part is read', next: { share: 'texts', reads: [own(A)] } },
    { case: 'anything may be read', next: { share: 'pairs', reads: [all(A)] } },
    { case: 'another share’s part is overwritten', next: { share: 'texts', writes: [own(A)] } },
    { case: 'anything may be overwritten', next: { share: 'pairs', writes: [all(A)] } },
  ])('is missing after a write where $case', ({ next: { share, ...accesses } }) => {
    expect(levels(writer, operation('next', share, accesses))).toEqual([['write'], ['next']])
  })

  it.each([
    { case: 'a thread reads what it wrote', next: { share: 'pairs', reads: [own(A)] } },
    { case: 'a thread overwrites what it wrote', next: { share: 'pairs', writes: [own(A)] } },
    { case: 'the buffer is another', next: { share: 'texts', reads: [all(B)], writes: [all(B + 1)] } },
  ])('costs time where $case', ({ next: { share, ...accesses } }) => {
    expect(levels(writer, operation('next', share, accesses))).toEqual([['write', 'next']])
  })

  it('is missing where a write overtakes another thread’s read', () => {
    const reader = operation('read', 'texts', { reads: [all(A)] })
    expect(levels(reader, operation('write', 'texts', { writes: [own(A)] }))).toEqual([['read'], ['write']])
    const other = operation('other', 'texts', { reads: [own(A)] })
    expect(levels(other, operation('write', 'pairs', { writes: [own(A)] }))).toEqual([['other'], ['write']])
    expect(levels(other, operation('write', 'texts', { writes: [own(A)] }))).toEqual([['other', 'write']])
    expect(levels(reader, operation('read again', 'pairs', { reads: [own(A)] }))).toEqual([['read', 'read again']])
  })

  it('is missing where an earlier of two reads or writes clashes, not the last', () => {
    const reads = [operation('a', 'texts', { reads: [own(A)] }), operation('b', 'pairs', { reads: [own(A)] })]
    expect(levels(...reads, operation('c', 'pairs', { writes: [own(A)] }))).toEqual([['a', 'b'], ['c']])
  })

  it('is set twice: what stood before the last one is settled', () => {
    const steps = [
      writer,
      operation('read', 'texts', { reads: [own(A)], writes: [own(B)] }),
      operation('read again', 'users', { reads: [own(A)] }),
      operation('use', 'pairs', { reads: [own(B)] }),
    ]
    expect(levels(...steps)).toEqual([['write'], ['read', 'read again'], ['use']])
  })

  it('asked for twice makes an empty level', () => {
    const program = new Program()
    program.barrier()
    program.add(writer)
    program.barrier()
    program.barrier()
    program.add(operation('next', 'pairs', { reads: [own(A)] }))
    expect(program.levels.map((level) => level.length)).toEqual([1, 1])
  })
})

describe('compile', () => {
  // Of thirteen runs, up to three threads do each what is a run's own by themselves.
  it.each([3, 13])(
    'changes the numbers of %i runs whose lists are joined, or loses a deeper program’s end',
    (count) => {
      const [n, D] = [13, 37]
      const vectors = grid('texts', n, D)
      const weights = Array.from({ length: count }, (_, i) => grid(`weight ${i}`, [3, 4, 1][i % 3]!, D))
      const run = (together: boolean) =>
        everywhere((laboratory) => {
          const { texts, form } = laboratory.texts(vectors, D)
          const runs = weights.map((values, i) => {
            const tape = laboratory.tape(form)
            const weight = laboratory.parameter(values, form.stride)
            let out = laboratory.spoil(tape.project(texts, weight))
            // Two projections of one program and level are joined as well.
            const again = laboratory.spoil(tape.project(texts, weight))
            if (i > 0) out = laboratory.spoil(tape.combine(out, again, 0.5))
            const g = laboratory.matrix(grid('g', weight.rows, n), texts.axis, 4)
            tape.projectGrad(texts, g, weight)
            // Deeper than the others.
            if (i === 1) tape.rowSums(out, tape.vector(out.rows))
            return { tape, weight, out, runsOn: i > 0 ? 4 : 6 }
          })
          if (together) laboratory.run(...runs.map(({ tape }) => tape))
          else for (const { tape } of runs) laboratory.run(tape)
          return Object.fromEntries(
            runs.flatMap(({ weight, out, runsOn }, i) => [
              [`out ${i}`, laboratory.read(out, n, runsOn)],
              [`gradient ${i}`, laboratory.gradient(weight)],
            ]),
          )
        })
      expect(run(true)).toEqual(run(false))
    },
  )

  it('lets many runs wait for each other between products, or gives one thread more of them than another', () => {
    const program = (rows: number): Program => {
      const recorded = new Program()
      const product = (name: string): Operation => ({
        ...operation(name, name, { reads: [all(A)], writes: [own(B)] }),
        joined: { key: name, list: new Array<number>(rows).fill(0), width: 1, listAt: 0, lengthAt: 1 },
      })
      recorded.add(product('project'))
      for (const share of ['texts', 'pairs', 'texts again'])
        recorded.add(operation(share, share, { reads: [all(B)], writes: [all(A)] }))
      recorded.add(product('projectGrad'))
      recorded.add(operation('update', 'flat', { reads: [all(B)], writes: [own(A)] }))
      return recorded
    }
    const sizes = [5, 10, 15, 20, 5, 10, 15, 20]
    const programs = sizes.map(program)
    const named = (few: readonly Program[], threads: number): string[] =>
      mergeLevels(few, threads).map(({ operations }) => [...new Set(operations.map(({ name }) => name))].join(' '))
    const barriers = (few: readonly Program[], threads: number): boolean[] =>
      mergeLevels(few, threads).map(({ barrier }) => barrier)
    for (const threads of [1, 2]) {
      expect(named(programs, threads)).toEqual(['project', 'texts pairs texts again', 'projectGrad', 'update'])
      expect(barriers(programs, threads)).toEqual([true, false, false, false])
    }
    const few = ['project', 'texts', 'pairs', 'texts again', 'projectGrad', 'update']
    expect(named(programs.slice(1), 2)).toEqual(few)
    expect(barriers(programs.slice(1), 2)).toEqual(few.map(() => true))

    const between = mergeLevels(programs, 2)[1]?.operations ?? []
    expect(between.map(({ name }) => name).slice(0, 3)).toEqual(['texts', 'pairs', 'texts again'])
    expect(between.every(({ alone }) => alone)).toBe(true)
    const load = [0, 0]
    for (const [i, { owner }] of between.entries()) load[owner]! += sizes[Math.floor(i / 3)]!
    expect(load).toEqual([150, 150])
  })

  it('reads texts once a run: operations of one key are one', () => {
    const [shared, alone] = [new Program(), new Program()]
    const listed = (list: number[]): Operation => ({
      ...operation('projectGrad', 'width', {}),
      words: [0, 0, 0, 0, 0, 0, 0],
      joined: { key: 'texts', list, width: 2, listAt: 2, lengthAt: 3 },
    })
    shared.add(listed([1, 2]))
    alone.add(listed([3, 4, 5, 6]))
    for (const { words } of everywhere(({ machine, heap }) => {
      const at = compile(machine, new Program(), [shared, alone])
      const program = heap.words(at, 11).slice()
      const [list, length] = [program[4]!, program[5]!]
      const written = [program[0]!, program[1]!, length, ...heap.words(list, 6), program[9]!]
      expect(program[0]).toBe(machine.code('projectGrad'))
      return { words: Int32Array.from(written) }
    }))
      expect([...words.slice(1)]).toEqual([7, 3, 1, 2, 3, 4, 5, 6, 0])
  })

  it('takes memory anew for a program that takes another’s place', () => {
    everywhere(({ machine, heap }) => {
      const space = new ProgramSpace(heap)
      const [one, more] = [new Program(), new Program()]
      one.add({
        ...operation('projectGrad', 'width', {}),
        words: [0, 0],
        joined: { key: 'a', list: [1], width: 1, listAt: 0, lengthAt: 1 },
      })
      more.add(operation('batch', 'one', {}))
      const large = compile(machine, more, [one, one], space)
      expect(compile(machine, more, [one], space)).toBe(large)
      expect([...heap.words(large, 11)]).toEqual([
        ...[machine.code('batch'), 0, machine.code('BARRIER'), 0],
        ...[machine.code('projectGrad'), 2, large + 40, 1],
        ...[machine.code('END'), 0, 1],
      ])
      expect(compile(machine, more, [one, one, one, one], space)).not.toBe(large)
      return {}
    })
  })

  it('takes no program for one that never ends', () => {
    everywhere((laboratory) => {
      laboratory.run()
      laboratory.run(new Program(), new Program())
      return {}
    })
  })
})

it('real gives other bits than float32’s', () => {
  expect([1, -0.5, 0, Math.PI].map(real)).toEqual([0x3f800000, 0xbf000000 | 0, 0, 0x40490fdb])
})
