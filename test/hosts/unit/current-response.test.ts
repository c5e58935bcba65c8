import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { currentResponse } from '../../../src/hosts/current-response.ts'

/** The address of a server that runs until the end of the test. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  onTestFinished(async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('currentResponse()', () => {
  it('is none outside of a request', () => {
    expect(currentResponse()).toBeUndefined()
  })

  it('is the response of node:http that is being made, below the listener too', async () => {
    const seen: unknown[] = []
    let made: ServerResponse | undefined
    const address = await serve(async (_, response) => {
      made = response
      seen.push(currentResponse())
      await undefined
      seen.push(currentResponse())
      setImmediate(() => {
        seen.push(currentResponse())
        response.end()
      })
    })
    await fetch(address)
    expect(seen).toHaveLength(3)
    expect(seen.every((response) => response === made)).toBe(true)
    expect(currentResponse()).toBeUndefined()
  })

  it('is another one for another request at the same time', async () => {
    const waiting: ServerResponse[] = []
    const matches: boolean[] = []
    const address = await serve(async (_, response) => {
      waiting.push(response)
      // The first one is answered while the second one is.
      if (waiting.length === 2) for (const other of waiting) other.emit('both are here')
      else await once(response, 'both are here')
      matches.push(currentResponse() === response)
      response.end()
    })
    await Promise.all([fetch(address), fetch(address)])
    expect(matches).toEqual([true, true])
    expect(waiting[0]).not.toBe(waiting[1])
  })

  it('is none where there is no node:http to tell', async () => {
    vi.resetModules()
    vi.stubGlobal('process', undefined)
    try {
      const elsewhere = await import('../../../src/hosts/current-response.ts')
      expect(elsewhere.currentResponse()).toBeUndefined()
    } finally {
      vi.unstubAllGlobals()
    }
  })
})
