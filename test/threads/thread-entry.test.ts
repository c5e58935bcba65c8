import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import runInThread from '../../src/threads/thread-entry.ts'

const functions = new URL('../support/thread-functions.ts', import.meta.url).href

/** Calls the export as the pool does, but on this thread. */
async function reply(name: string, args: unknown[], module = functions): Promise<unknown> {
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(args)
  await runInThread({ module, name, port: port2 })
  const received = receiveMessageOnPort(port1)
  port1.close()
  return received?.message
}

describe('runInThread()', () => {
  it('replies with the result', async () => {
    expect(await reply('add', [1, 2])).toEqual({ type: 'result', result: 3 })
  })

  it('replies with what was thrown', async () => {
    expect(await reply('failNatively', [])).toMatchObject({
      type: 'thrown',
      error: { name: 'TypeError', message: 'not a number' },
    })
  })

  it('replies that the result has no clone', async () => {
    expect(await reply('returnFunction', [])).toEqual({ type: 'uncloneable' })
  })

  it('replies that there is no such function', async () => {
    expect(await reply('notAFunction', [])).toEqual({ type: 'no function' })
  })

  it('replies that there is no such module, and why', async () => {
    expect(await reply('add', [1, 2], new URL('absent.ts', import.meta.url).href)).toMatchObject({
      type: 'no module',
      error: { type: 'error', message: expect.stringContaining('absent.ts') },
    })
  })
})
