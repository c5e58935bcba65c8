import { BackgroundTasks, type BackgroundTask } from 'background-tasks'
import * as door from 'background-tasks/worker-threads'
import { workerThread, type WorkerThreadOptions } from 'background-tasks/worker-threads'
import { expectAssignable, expectError, expectNotAssignable, expectType } from 'tsd'

// The door gives this one and nothing else.
expectType<'workerThread'>({} as keyof typeof door)

interface OneFunction {
  resize: (path: string, options: { width: number }) => Promise<string>
  formats: string[]
}

interface SeveralFunctions extends OneFunction {
  measure: (bytes: Uint8Array) => number
  Image: new () => object
}

const url = new URL('resize.js', import.meta.url)

// The function of a module that has one: its own arguments, a promise of its awaited result.
const resize = workerThread<OneFunction>(url, 'resize')
expectType<(path: string, options: { width: number }) => Promise<string>>(resize)

// Among several functions the name is given as a type too.
expectType<typeof resize>(workerThread<SeveralFunctions, 'resize'>(url, 'resize'))
expectType<(bytes: Uint8Array) => Promise<number>>(
  workerThread<SeveralFunctions, 'measure'>(url, 'measure'),
)
expectError(workerThread<SeveralFunctions>(url, 'resize'))

// A module's type as it is written in practice.
expectType<(path: string, suffix?: string) => Promise<string>>(
  workerThread<typeof import('node:path'), 'basename'>(new URL('node:path'), 'basename'),
)

// Only functions that the module exports, and never without its type.
expectError(workerThread<OneFunction>(url, 'crop'))
expectError(workerThread<OneFunction>(url, 'formats'))
expectError(workerThread<SeveralFunctions, 'Image'>(url, 'Image'))
expectError(workerThread<SeveralFunctions, 'measure'>(url, 'resize'))
expectError(workerThread(url, 'resize'))

// The address is a URL: a path would be relative to nothing.
expectError(workerThread<OneFunction>('./resize.js', 'resize'))

// As a task it takes the function's own arguments.
const tasks = new BackgroundTasks()
expectType<BackgroundTask<[path: string, options: { width: number }]>>(
  tasks.addTask(resize, 'a.png', { width: 800 }),
)
expectError(tasks.addTask(resize, 'a.png'))
expectError(tasks.addTask(resize, 'a.png', { width: '800' }))

// Options are optional, each of them, and there are no others.
expectType<'threads' | 'idleTimeout' | 'resourceLimits'>({} as keyof WorkerThreadOptions)
expectAssignable<WorkerThreadOptions>({})
expectAssignable<WorkerThreadOptions>({ threads: 2, idleTimeout: 1000, resourceLimits: {} })
expectNotAssignable<WorkerThreadOptions>({ threads: '2' })
