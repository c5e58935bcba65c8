import * as fc from 'fast-check'
import { BackgroundTask, BackgroundTasks } from '../../src/index.ts'
import { type Gate, newGate } from './gate.ts'

/** A task or a list of a tree in which any of them may be at many places. */
export type NodeSpec = TaskSpec | ListSpec

interface TaskSpec {
  readonly isList: false
  readonly isSync: boolean
  readonly fails: boolean
  /** Its `when` does not name the outcome. */
  readonly isForAnother: boolean
}

interface ListSpec {
  readonly isList: true
  readonly concurrency: number
  readonly failure: 'stop' | 'continue'
  readonly cleanups: number
  /** Each is taken modulo the number of nodes before this one. */
  readonly children: readonly number[]
}

/** What happens while the tree runs; `pick` is taken modulo what there is to pick from. */
export interface Step {
  readonly kind: 'end' | 'cancel' | 'add'
  readonly pick: number
}

const taskSpec: fc.Arbitrary<TaskSpec> = fc.record({
  isList: fc.constant(false as const),
  isSync: fc.boolean(),
  fails: fc.boolean(),
  isForAnother: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
})

const listSpec: fc.Arbitrary<ListSpec> = fc.record({
  isList: fc.constant(true as const),
  concurrency: fc.constantFrom(1, 1, 2, 3, Infinity),
  failure: fc.constantFrom('stop' as const, 'continue' as const),
  cleanups: fc.integer({ min: 0, max: 2 }),
  children: fc.array(fc.nat(), { maxLength: 5 }),
})

export const treeSpec: fc.Arbitrary<{ nodes: NodeSpec[]; steps: Step[] }> = fc.record({
  nodes: fc
    .tuple(
      fc.array(fc.oneof({ weight: 3, arbitrary: taskSpec }, { weight: 2, arbitrary: listSpec }), {
        maxLength: 12,
      }),
      listSpec,
    )
    .map(([inner, outermost]) => [...inner, outermost]),
  steps: fc.array(
    fc.record({
      kind: fc.constantFrom('end' as const, 'end' as const, 'cancel' as const, 'add' as const),
      pick: fc.nat(),
    }),
    { maxLength: 20 },
  ),
})

/** What a run of a tree looks like from outside. */
export interface Trace {
  /** Which task and cleanup started, and which failure was reported with which skips, in order. */
  readonly log: string[]
  readonly statuses: () => string[]
}

/** The tree made of real tasks and lists. */
export class RealTree implements Trace {
  readonly log: string[] = []
  readonly nodes: (BackgroundTask | BackgroundTasks)[] = []
  readonly #gates = new Map<BackgroundTask, { gate: Gate; fails: boolean }>()

  constructor(specs: readonly NodeSpec[]) {
    for (const spec of specs) this.add(spec)
  }

  get outermost(): BackgroundTasks {
    const last = this.nodes.findLast((node) => node instanceof BackgroundTasks)
    if (!(last instanceof BackgroundTasks)) throw new Error('The tree has no list')
    return last
  }

  add(spec: NodeSpec): BackgroundTask | BackgroundTasks {
    const node = spec.isList ? this.#newList(spec) : this.#newTask(spec)
    this.nodes.push(node)
    return node
  }

  end(index: number): void {
    const task = this.nodes[index]
    if (task instanceof BackgroundTask) this.#gates.get(task)?.gate.open()
  }

  cancel(index: number): void {
    const task = this.nodes[index]
    if (task instanceof BackgroundTask) task.cancel('cancelled')
  }

  addTo(index: number, spec: NodeSpec): void {
    const list = this.nodes[index]
    if (list instanceof BackgroundTasks) list.addTask(this.add(spec) as BackgroundTask)
  }

  statuses(): string[] {
    return this.nodes.flatMap((node) => (node instanceof BackgroundTask ? node.status : []))
  }

  #newTask(spec: TaskSpec): BackgroundTask {
    const name = String(this.nodes.length)
    const gate = newGate()
    const end = (): void => {
      if (spec.fails) throw new Error(name)
    }
    const task = new BackgroundTask({
      name,
      run: () => {
        this.log.push(`start ${name}`)
        return spec.isSync ? end() : gate.opened.then(end)
      },
      ...(spec.isForAnother ? { when: ['errored'] } : undefined),
    })
    this.#gates.set(task, { gate, fails: spec.fails })
    return task
  }

  #newList(spec: ListSpec): BackgroundTasks {
    const name = String(this.nodes.length)
    const children = childrenOf(spec, this.nodes)
    const list = new BackgroundTasks(children, {
      concurrency: spec.concurrency,
      failure: spec.failure,
      onError: ({ task, skipped }) =>
        this.log.push(`list ${name}: ${task} failed, skips ${skipped.join()}`),
    })
    for (let cleanup = 0; cleanup < spec.cleanups; cleanup += 1) {
      list.defer(() => this.log.push(`cleanup ${name}.${cleanup}`))
    }
    return list
  }
}

interface ModelTask {
  readonly spec: TaskSpec
  readonly name: string
  status: 'pending' | 'running' | 'fulfilled' | 'rejected' | 'skipped'
  /** All that it is in. */
  readonly lists: Set<ModelList>
  /** The list that has started it, which hears of its failure. */
  owner: ModelList | undefined
  /** The lists that wait for its end. */
  waiting: ModelList[]
}

interface ModelList {
  readonly spec: ListSpec
  readonly name: string
  readonly children: (ModelTask | ModelList)[]
  /** It waits, after its end, for the list around it to run it again. */
  status: 'pending' | 'running' | 'ended' | 'waiting'
  next: number
  running: number
  cleanups: number
  isStopped: boolean
  readonly lists: Set<ModelList>
  /** Those in it that wait to be run again. */
  readonly again: ModelList[]
  /** The list that has started it first. */
  parent: ModelList | undefined
  hasStarted: boolean
  waiting: ModelList[]
}

/** What the tree is to do, without a promise in it: what follows waits in one queue. */
export class ModelTree implements Trace {
  readonly log: string[] = []
  readonly nodes: (ModelTask | ModelList)[] = []
  readonly #queue: (() => void)[] = []

  constructor(specs: readonly NodeSpec[]) {
    for (const spec of specs) this.add(spec)
  }

  add(spec: NodeSpec): ModelTask | ModelList {
    const name = String(this.nodes.length)
    const node: ModelTask | ModelList = spec.isList
      ? {
          spec,
          name,
          children: childrenOf(spec, this.nodes),
          status: 'pending',
          next: 0,
          running: 0,
          cleanups: spec.cleanups,
          isStopped: false,
          lists: new Set(),
          again: [],
          parent: undefined,
          hasStarted: false,
          waiting: [],
        }
      : { spec, name, status: 'pending', lists: new Set(), owner: undefined, waiting: [] }
    if (isList(node)) for (const child of node.children) child.lists.add(node)
    this.nodes.push(node)
    return node
  }

  run(): void {
    const outermost = this.nodes.findLast(isList)
    if (outermost !== undefined) this.#startList(outermost, undefined)
    this.#settle()
  }

  /** The tasks that wait to be told to end. */
  running(): number[] {
    return this.nodes.flatMap((node, index) =>
      !isList(node) && node.status === 'running' ? index : [],
    )
  }

  /** The lists that something can be added to: not the outermost one once it has ended. */
  open(): number[] {
    return this.nodes.flatMap((node, index) =>
      isList(node) && (node.status !== 'ended' || hasOpenParent(node)) ? index : [],
    )
  }

  end(index: number): void {
    const task = this.nodes[index]
    if (task === undefined || isList(task)) return
    this.#endTask(task, task.spec.fails ? 'rejected' : 'fulfilled')
    this.#settle()
  }

  cancel(index: number): void {
    const task = this.nodes[index]
    if (task === undefined || isList(task)) return
    if (task.status === 'running') this.#endTask(task, 'rejected')
    else if (task.status === 'pending') task.status = 'skipped'
    this.#settle()
  }

  addTo(index: number, spec: NodeSpec): void {
    const list = this.nodes[index]
    if (list === undefined || !isList(list)) return
    const node = this.add(spec)
    node.lists.add(list)
    list.children.push(node)
    if (list.status === 'running') this.#queue.push(() => this.#proceed(list))
    else if (list.status === 'ended') this.#reopen(list)
    this.#settle()
  }

  /** What was added after its end is run by the list around it, which waits for that. */
  #reopen(list: ModelList): void {
    const { parent } = list
    if (parent === undefined) return
    list.isStopped = false
    list.status = 'waiting'
    parent.again.push(list)
    if (parent.status === 'ended') this.#reopen(parent)
    else if (parent.status === 'running') this.#queue.push(() => this.#proceed(parent))
  }

  statuses(): string[] {
    return this.nodes.flatMap((node) => (isList(node) ? [] : node.status))
  }

  /** How the tasks of the outermost list have ended, each once, in the order added. */
  results(): string[] {
    const outermost = this.nodes.findLast(isList)
    if (outermost === undefined) return []
    // What is left to another list was skipped in this one.
    return [...flatten(outermost)].map(
      ({ name, status }) => `${name} ${status === 'pending' ? 'skipped' : status}`,
    )
  }

  /** The most tasks and lists that one list has had running, against what it allows. */
  readonly peaks = new Map<string, number>()

  #settle(): void {
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) job()
  }

  #startList(list: ModelList, parent: ModelList | undefined): void {
    list.status = 'running'
    if (!list.hasStarted) list.parent = parent
    list.hasStarted = true
    this.#proceed(list)
  }

  #proceed(list: ModelList): void {
    while (list.status === 'running') {
      const [child = list.again[0]] = list.children.slice(list.next)
      if (list.running >= (child === undefined ? 1 : list.spec.concurrency)) return
      if (child !== undefined) {
        if (list.next < list.children.length) list.next += 1
        else list.again.shift()
        this.#start(list, child)
      } else if (list.cleanups > 0) {
        list.cleanups -= 1
        this.log.push(`cleanup ${list.name}.${list.cleanups}`)
      } else {
        list.status = 'ended'
        this.#notify(list)
      }
    }
  }

  #start(list: ModelList, child: ModelTask | ModelList): void {
    if (list.isStopped) {
      if (isWantedBesides(child, list)) return
      skip(child, [])
    }
    if (isList(child)) {
      if (child.status === 'pending' || child.status === 'waiting') this.#startList(child, list)
      if (child.status === 'ended') return
    } else if (child.status === 'pending') {
      if (child.spec.isForAnother) {
        child.status = 'skipped'
        return
      }
      child.status = 'running'
      child.owner = list
      this.log.push(`start ${child.name}`)
      if (child.spec.isSync) {
        this.#endTask(child, child.spec.fails ? 'rejected' : 'fulfilled')
        return
      }
    } else if (child.status !== 'running') {
      return
    }
    list.running += 1
    this.peaks.set(list.name, Math.max(list.running, this.peaks.get(list.name) ?? 0))
    child.waiting.push(list)
  }

  #endTask(task: ModelTask, status: 'fulfilled' | 'rejected'): void {
    if (task.status !== 'running') return
    task.status = status
    if (status === 'rejected' && task.owner !== undefined) this.#fail(task.owner, task)
    this.#notify(task)
  }

  #notify(node: ModelTask | ModelList): void {
    for (const list of node.waiting) {
      this.#queue.push(() => {
        list.running -= 1
        this.#proceed(list)
      })
    }
    node.waiting = []
  }

  #fail(list: ModelList, task: ModelTask): void {
    const skipped: string[] = []
    for (
      let above: ModelList | undefined = list;
      above !== undefined && above.spec.failure === 'stop';
      above = above.parent
    ) {
      skip(above, skipped)
    }
    this.log.push(`list ${list.name}: ${task.name} failed, skips ${skipped.join()}`)
  }
}

/** Gives up on what has not started, but on what another list may still run, or is running. */
function skip(node: ModelTask | ModelList, skipped: string[]): void {
  if (isList(node)) {
    node.isStopped = true
    for (const [index, child] of node.children.entries()) {
      const goesOn = isList(child) && index < node.next
      if (!goesOn && !isWantedBesides(child, node)) skip(child, skipped)
    }
  } else if (node.status === 'pending') {
    node.status = 'skipped'
    skipped.push(node.name)
  }
}

function isWantedBesides(node: ModelTask | ModelList, list: ModelList): boolean {
  return (
    isRunBesides(node, list) ||
    [...node.lists].some((other) => other !== list && willRun(other, node))
  )
}

/** Whether another list is running it. */
function isRunBesides(node: ModelTask | ModelList, list: ModelList): boolean {
  return node.status === 'running' && (isList(node) ? node.parent : node.owner) !== list
}

/** Whether the list, which may never start, has not passed it by. */
function willRun(list: ModelList, node: ModelTask | ModelList): boolean {
  if (list.isStopped || list.status === 'ended') return false
  return list.children.includes(node, list.next) || list.again.some((other) => other === node)
}

function hasOpenParent({ parent }: ModelList): boolean {
  return parent !== undefined && (parent.status !== 'ended' || hasOpenParent(parent))
}

function flatten(list: ModelList, tasks = new Set<ModelTask>()): Set<ModelTask> {
  for (const child of list.children) {
    if (isList(child)) flatten(child, tasks)
    else tasks.add(child)
  }
  return tasks
}

function isList(node: ModelTask | ModelList): node is ModelList {
  return node.spec.isList
}

function childrenOf<Node>(spec: ListSpec, nodes: readonly Node[]): Node[] {
  return spec.children.flatMap((child) => nodes[child % nodes.length] ?? [])
}
