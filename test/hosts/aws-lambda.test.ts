import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../support/client.ts'
import { type ServerProcess, startServer } from '../support/server-process.ts'
import { bundle } from './bundle.ts'

describe('AWS Lambda through srvx, its answer streamed', () => {
  let server: ServerProcess

  beforeAll(async () => {
    server = await startServer([process.execPath, await bundle('starters/aws-lambda.ts')])
  })

  afterAll(async () => {
    await server.stop()
  })

  it('runs the tasks after the answer and before the process is frozen', async () => {
    const { status, headers, body } = await request({ port: server.port, path: '/notify' })
    expect(status).toBe(200)
    expect(headers).toContainEqual(['content-type', 'application/json'])
    expect(JSON.parse(String(body))).toEqual({ message: 'Notification sent in the background' })
    await server.until((seen) => seen.some(({ type }) => type === 'frozen'))
    const lines = server.output().split('\n')
    const answered = lines.findIndex((line) => line.includes('"answered"'))
    const ran = lines.indexOf('notification for ada@example.com: some notification')
    const frozen = lines.findIndex((line) => line.includes('"frozen"'))
    expect(ran).toBeGreaterThan(answered)
    expect(ran).toBeLessThan(frozen)
  })
})
