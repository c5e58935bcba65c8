import type { JobsOptions } from 'bullmq'
import type { Outcome } from '../response/outcome.ts'
import { isObject, kindOf, refuse } from '../util/checks.ts'
import { checkOptions } from '../util/options.ts'
import { unfitForJson, unfitText } from './json.ts'

/** BullMQ's own options of a job, handed on as they are. `delay` is not one: see `grace`. */
export type DurableJobOptions = Pick<
  JobsOptions,
  | 'attempts'
  | 'backoff'
  | 'deduplication'
  | 'jobId'
  | 'keepLogs'
  | 'priority'
  | 'removeOnComplete'
  | 'removeOnFail'
  | 'sizeLimit'
  | 'stackTraceLimit'
  | 'telemetry'
>

/** The compiler compares them with the type, which the reference of the site can show so. */
const jobOptions: Record<keyof DurableJobOptions, true> = {
  attempts: true,
  backoff: true,
  deduplication: true,
  jobId: true,
  keepLogs: true,
  priority: true,
  removeOnComplete: true,
  removeOnFail: true,
  sizeLimit: true,
  stackTraceLimit: true,
  telemetry: true,
}
const names = Object.keys(jobOptions)
const known: ReadonlySet<string> = new Set([...names, 'name', 'args', 'run'])

/** Those of a definition or of a task: an instance of a class has fields of its own beside them. */
export function jobOptionsOf(verb: string, given: object): DurableJobOptions {
  if ('delay' in given) refuse(verb, 'a job takes no delay here', 'use grace')
  checkOptions(verb, given, known)
  return Object.fromEntries(
    names.filter((name) => name in given).map((name) => [name, Reflect.get(given, name)]),
  )
}

interface StoredOptions extends DurableJobOptions {
  readonly jobId: string
}

/** What a job carries. */
export interface DurableData {
  readonly args: readonly unknown[]
  readonly outcome?: Outcome
  /** The job stands in for another one: instead of running, it adds the one with these options. */
  readonly standsFor?: StoredOptions
}

/** The job to store before the response has ended. */
export interface PlannedJob {
  readonly data: DurableData
  readonly options: StoredOptions
  /** The id under which the function will run: not that of a stand-in. */
  readonly jobId: string
}

/**
 * Plans what is stored of a job, and refuses what no queue could keep.
 *
 * An id that nobody has given is random: BullMQ sends a job again when the connection breaks before
 * the answer, and the second one of the same id is ignored.
 */
export function planJob(label: string, args: unknown, options: DurableJobOptions): PlannedJob {
  const sent = sentArguments(label, args)
  const { jobId = crypto.randomUUID() } = options
  const own = { ...options, jobId }
  checkStored(label, own)
  if (options.jobId === undefined && options.deduplication === undefined) {
    return { data: { args: sent }, options: own, jobId }
  }
  const { deduplication: _, ...standIn } = own
  return {
    data: { args: sent, standsFor: own },
    options: {
      ...standIn,
      jobId: crypto.randomUUID(),
      // It only has to reach the queue, whatever the limits of the job it stands for.
      attempts: 10,
      backoff: { type: 'exponential', delay: 1000 },
      removeOnComplete: true,
      removeOnFail: false,
    },
    jobId,
  }
}

/** The arguments to store. Refuses what would arrive in the worker as something else. */
function sentArguments(label: string, args: unknown): readonly unknown[] {
  if (!Array.isArray(args)) {
    refuse(`add ${label}`, `args is ${kindOf(args)}`, 'pass an array')
  }
  const sent = [...args]
  // Optional arguments left out at the end, that JSON would make null.
  while (sent.length > 0 && sent.at(-1) === undefined) sent.pop()
  for (const [index, arg] of sent.entries()) {
    const found = unfitForJson(arg)
    if (found === undefined) continue
    throw new TypeError(`Cannot add ${label}: argument ${index + 1} holds ${found}`)
  }
  // A copy: what becomes of the arguments while the response is on its way changes no job.
  return JSON.parse(JSON.stringify(sent))
}

/** BullMQ would refuse these too, but for a job that waits under an id of its own only later. */
function checkStored(label: string, options: StoredOptions): void {
  const verb = `add ${label}`
  const { jobId, deduplication, backoff } = options
  checkId(label, 'jobId', jobId)
  if (String(Number.parseInt(jobId, 10)) === jobId || jobId.includes(':')) {
    refuse(verb, 'its jobId is a number or has a colon', 'use letters or -')
  }
  if (deduplication !== undefined) {
    checkId(label, 'deduplication.id', Object(deduplication).id)
  }
  const { jitter = 0 } = isObject(backoff) ? backoff : {}
  if (!(jitter >= 0 && jitter <= 1)) {
    refuse(verb, 'the jitter of its backoff is out of range', 'use 0 to 1')
  }
}

function checkId(label: string, name: string, id: unknown): void {
  if (typeof id !== 'string' || id === '') {
    const wrong = id === '' ? 'empty' : kindOf(id)
    refuse(`add ${label}`, `its ${name} is ${wrong}`, 'pass a text')
  }
  const found = unfitText(id)
  if (found !== undefined) throw new TypeError(`Cannot add ${label}: its ${name} holds ${found}`)
}

/** Whether `planJob` may have written it. A queue holds whatever others have put there. */
export function isDurableData(data: unknown): data is DurableData {
  return isObject(data) && 'args' in data && Array.isArray(data.args)
}
