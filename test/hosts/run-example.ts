import { freePort, startServer } from '../support/server-process.ts'
import type { HostUnderTest, Runtime } from './hosts.ts'

/** Starts the program of the docs, asks it once, and returns what it has printed. */
export async function runExample(host: HostUnderTest, runtime: Runtime): Promise<string> {
  const port = await freePort()
  const server = await startServer(await runtime.command(`examples/${host.example}.ts`), {
    port,
    // Where the program itself says nothing of a port.
    env: { BUN_PORT: String(port), DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}` },
    ...(host.client.isReady && { isReady: host.client.isReady }),
  })
  try {
    const { response } = await host.client.send({ port })
    const { body } = await response
    if (!String(body).includes('Notification sent')) throw new Error(String(body))
    await server.until(() => server.output().includes('notification for'))
    return server.output()
  } finally {
    await server.stop()
  }
}
