import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
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

describe('What a client of Bun gets, with the bare handler and with tasks', () => {
  let found: unknown
  beforeAll(async () => {
    const bun = await installRuntime('bun')
    const program = fileURLToPath(new URL('starters/bun-files.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(bun, [program])
    found = JSON.parse(stdout)
  })

  it('is a part of a file, but the whole one under a bare wrap', () => {
    const part = '206 bytes 0-3/21 body'
    const whole = '200 null body { color: green }'
    expect(found).toMatchObject({ 'a part of a file': { bare: part, with: part, wrap: whole } })
  })

  it('has no content type of a stream that Bun alone knows, and keeps one that is said', () => {
    const css = 'text/css;charset=utf-8'
    expect(found).toMatchObject({
      'the type of a stream of a file': { bare: css, with: null, wrap: null },
      'the type of the body of another response': {
        bare: 'application/octet-stream',
        with: null,
        wrap: null,
      },
      'the type of it that is said': { bare: 'text/css', with: 'text/css', wrap: 'text/css' },
    })
  })

  it('is all of a direct stream that is closed', () => {
    const text = 'one;two;'
    expect(found).toMatchObject({ 'a direct stream': { bare: text, with: text, wrap: text } })
  })

  it('has the content-encoding of the bare handler, whether fetch has decoded or not', () => {
    const [decoded, encoded] = ['decoded', 'encoded'].map(
      (bytes) => `${bytes}, content-encoding gzip`,
    )
    expect(found).toMatchObject({
      'what fetch has decoded': { bare: decoded, with: decoded, wrap: decoded },
      'what fetch has not decoded': { bare: encoded, with: encoded, wrap: encoded },
    })
  })

  // Its task starts while the file is being sent.
  it('is all of a file that a task deletes, or renames another one over', () => {
    const whole = { bytes: 16 * 2 ** 20, isOld: true }
    expect(found).toMatchObject({
      'a file that is deleted meanwhile': whole,
      'a file that another one is renamed over': whole,
      'the new file': 16 * 2 ** 20,
      outcomes: ['closed'],
    })
  })
})
