import type { Runtime } from '../response/runtime.ts'
import { bun, isBun } from './bun.ts'
import { deno, isDeno } from './deno.ts'
import { node } from './node.ts'
import { isWorker, workers } from './workers.ts'

/** That of this process. What is none of the others has the `fetch` of Node.js. */
export const runtime: Runtime = isWorker ? workers : isBun ? bun : isDeno ? deno : node
