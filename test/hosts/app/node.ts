import process from 'node:process'
import { block } from './block.ts'
import { report } from './control.ts'

/** What every host outside a Worker gives to the app and to its server. */
export const port = Number(process.env['PORT'])
export const common = { block, upstream: process.env['UPSTREAM'] ?? '' }

const { bun, deno, node } = process.versions
const version = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node ${node}`
report('version', '', { version })
