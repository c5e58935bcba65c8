import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../support/client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { bundle } from './bundle.ts'
import { writeProgram } from './results.ts'

const ran = 'notification for ada@example.com: some notification'

describe.each([
  ['srvx', 'streamed', 'aws-lambda'],
  ['srvx', 'buffered', 'aws-lambda-buffered'],
  ['Hono', 'streamed', 'hono-aws-lambda'],
  ['Hono', 'buffered', 'hono-aws-lambda-buffered'],
])('AWS Lambda through %s, its answer %s', (_adapter, kind, starter) => {
  let server: ServerProcess

  beforeAll(async () => {
    server = await startServer([process.execPath, await bundle(`starters/${starter}.ts`)])
  })

  afterAll(() => server.stop())

  it('runs the tasks before the process is frozen', async () => {
    const { status, headers, body } = await request({ port: server.port, path: '/notify' })
    expect(status).toBe(200)
    expect(headers).toContainEqual(['content-type', 'application/json'])
    expect(JSON.parse(String(body))).toEqual({ message: 'Notification sent in the background' })
    expect(await order(server, [ran, '"frozen"'])).toEqual([ran, '"frozen"'])
    if (starter === 'aws-lambda-buffered')
      await writeProgram('aws-lambda', { title: 'AWS Lambda', server })
  })

  if (kind === 'streamed') {
    it('has sent the answer before they start', async () => {
      expect(await order(server, [ran, '"answered"'])).toEqual(['"answered"', ran])
    })
  } else {
    it('freezes those of a handler that does not wait for drain()', async () => {
      await request({ port: server.port, path: '/forgetful' })
      const [frozen, forgotten] = ['"frozen","id":"/forgetful"', '"forgotten"']
      // Here the process goes on: on Lambda it does with the next request, or never.
      expect(await order(server, [forgotten, frozen])).toEqual([frozen, forgotten])
    })
  }
})

/** The texts, in the order in which they were printed. */
async function order({ until, output }: ServerProcess, texts: string[]): Promise<string[]> {
  await until(() => texts.every((text) => output().includes(text)))
  return texts.toSorted((one, other) => output().indexOf(one) - output().indexOf(other))
}
