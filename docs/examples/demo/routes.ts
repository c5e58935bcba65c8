import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { type BackgroundTasks, type HandlerOptions, withBackgroundTasks } from 'background-tasks'
import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'
import type { FetchHandler } from '../server/adapter.ts'
import { acceptFile, downloadReport, placeOrder, sendAndLog, sendNotification } from './handlers.ts'
import { limitTo } from './limit.ts'
import { currentTimeline } from './timelines.ts'

export interface Route {
  readonly handle: FetchHandler
  /** What the page shows: the handler, and what it is wrapped with. */
  readonly code: string
}

const source = readFileSync(new URL('handlers.ts', import.meta.url), 'utf8')

/** For the tasks of all requests together. */
const limit = limitTo(2)

const routes: Readonly<Record<string, (options: HandlerOptions) => Route>> = {
  'POST send-notification': (options) => route(sendNotification, options),
  'POST send-and-log': (options) => providedRoute(sendAndLog, options),
  'POST files': (options) => route(acceptFile, options),
  'GET report': (options) => route(downloadReport, options),
  'HEAD report': (options) => route(downloadReport, options),
  'POST orders': (options) => route(placeOrder, options),
}

/** What a framework would do. The query says in which order tasks run, and what follows a failure. */
export function findRoute({ method, url }: Request): Route | undefined {
  const { pathname, searchParams } = new URL(url)
  const key = `${method} ${pathname.split('/')[1]}`
  return Object.hasOwn(routes, key) ? routes[key]?.(readOptions(searchParams)) : undefined
}

function readOptions(query: URLSearchParams): HandlerOptions {
  const order = query.get('order')
  return {
    ...(order === 'concurrent' || order === 'limit' ? { concurrency: Infinity } : {}),
    ...(order === 'limit' ? { limit } : {}),
    ...(query.get('failure') === 'continue' ? { failure: 'continue' } : {}),
  }
}

/** The timeline wants to know which tasks the handler has added. */
function route(
  handler: (tasks: BackgroundTasks, request: Request) => Promise<Response>,
  options: HandlerOptions,
): Route {
  const observed = async (tasks: BackgroundTasks, request: Request): Promise<Response> =>
    handler(tasks, request).finally(() => currentTimeline()?.recordTasks(tasks))
  return {
    handle: withBackgroundTasks(observed, options),
    code: write('withBackgroundTasks', handler.name, options),
  }
}

function providedRoute(
  handler: (request: Request) => Promise<Response>,
  options: HandlerOptions,
): Route {
  const observed = async (request: Request): Promise<Response> =>
    handler(request).finally(() => currentTimeline()?.recordTasks(backgroundTasks()))
  return {
    handle: provideBackgroundTasks(observed, options),
    code: write('provideBackgroundTasks', handler.name, options),
  }
}

/** The handler as it stands in its file, and what it is wrapped with. */
function write(wrapper: string, name: string, options: HandlerOptions): string {
  const [, after = ''] = source.split(`// #region ${name}\n`)
  const [handler = ''] = after.split('// #endregion\n')
  const own = Object.entries(options).map(([option, value]) =>
    option === 'limit' ? option : `${option}: ${inspect(value)}`,
  )
  const line = own.length === 0 ? '' : `, { ${own.join(', ')} }`
  const lines = `, {\n${own.map((option) => `  ${option},\n`).join('')}}`
  const args = `${name}${line.length > 40 ? lines : line}`
  const shared = own.includes('limit') ? 'const limit = limitTo(2) // of all requests\n' : ''
  return `${handler}\n${shared}export const handler = ${wrapper}(${args})\n`
}
