import { isObject } from '../util/checks.ts'
import { find } from './find.ts'
import { ofVercel } from './wait-until.ts'

/** When a platform ends what is left of a request. */
export interface Deadline {
  readonly platform: string
  /** Milliseconds that are left from now on, the response being over; `Infinity` if it says so itself. */
  remaining(): number
}

const globals: {
  readonly EdgeRuntime?: unknown
  readonly addEventListener?: (type: string, listener: () => void) => void
} = globalThis

/** Its object of that name; it says in an event when it ends the process. */
const isSupabase = isObject(globals.EdgeRuntime)

const platforms = [ofVercel]

function hasDeadline(value: unknown): value is { readonly deadline: string | number } {
  return isObject(value) && 'deadline' in value
}

/** That of the platform, where code can find one by itself. */
export function findPlatformDeadline(): Deadline | undefined {
  const context = find(platforms, [], hasDeadline)
  const at = context && new Date(context.deadline).getTime()
  if (at) return { platform: 'Vercel', remaining: () => at - Date.now() }
  return isSupabase ? { platform: 'Supabase', remaining: () => Infinity } : undefined
}

/** Calls back when the platform says that the process ends. */
export function onUnload(callback: () => void): void {
  if (isSupabase) globals.addEventListener?.('beforeunload', callback)
}

/** That of a Worker. A Durable Object has another kind of context, and is not cut. */
export function deadlineOfWorker(context: unknown): Deadline | undefined {
  return Object(context).constructor?.name === 'ExecutionContext'
    ? { platform: 'Cloudflare Workers', remaining: () => 30_000 }
    : undefined
}

/** The context of AWS Lambda, where an adapter hands it on. */
interface LambdaContext {
  getRemainingTimeInMillis(): number
}

export function isLambdaContext(value: unknown): value is LambdaContext {
  return isObject(value) && 'getRemainingTimeInMillis' in value
}

export function deadlineOfLambda(context: LambdaContext): Deadline {
  return { platform: 'AWS Lambda', remaining: () => context.getRemainingTimeInMillis() }
}
