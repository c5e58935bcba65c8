import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { installRuntime } from './install.ts'
import { testHost } from './suite.ts'

testHost('bun')

describe('isStaticOnBun() in Bun itself', () => {
  it.each([
    ['counts the bytes that a response holds', []],
    ['reads what Bun shows where that cannot be counted', ['inspect']],
  ])('%s, and finds what is no stream', async (_, args) => {
    const bun = await installRuntime('bun')
    const program = fileURLToPath(new URL('starters/bun-bodies.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(bun, [program, ...args])
    expect(JSON.parse(stdout)).toEqual([
      'text',
      'text with a status text',
      'JSON',
      'bytes',
      'part of a buffer',
      'a blob',
      'a file',
      'a part of a file',
      'a form',
      'parameters',
      'a clone',
    ])
  })
})
