import { isObject } from '../util/checks.ts'
import { find } from './find.ts'

/** When a platform ends what is left of a request. */
export interface Deadline {
  readonly platform: string
  /** Milliseconds that are left from now on, the response being over; `Infinity` if it says so itself. */
  remaining(): number
}

const vercelContext = Symbol.for('@vercel/request-context')
const globals: {
  readonly [vercelContext]?: { get?(): unknown }
  readonly EdgeRuntime?: unknown
  readonly addEventListener?: (type: string, listener: () => void) => void
} = globalThis

/** Its object of that name; it says in an event when it ends the process. */
const isSupabase = isObject(globals.EdgeRuntime)

/** That of the platform, where code can find one by itself. */
export function findPlatformDeadline(): Deadline | undefined {
  const context = find([() => globals[vercelContext]?.get?.()], [], hasDeadline)
  if (context !== undefined) {
    const at = new Date(context.deadline).getTime()
    return at > 0 ? { platform: 'Vercel', remaining: () => at - Date.now() } : undefined
  }
  return isSupabase ? { platform: 'Supabase', remaining: () => Infinity } : undefined
}

interface VercelContext {
  readonly deadline: string | number
}

function hasDeadline(value: unknown): value is VercelContext {
  return isObject(value) && 'deadline' in value && value.deadline !== undefined
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
