import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../support/server-process.ts'
import { install, redisServer } from './install.ts'
import { type Service, type ServiceProcess, spawnService } from './service.ts'

/** A Redis whose append-only file survives a crash of it, as a queue wants it. */
export async function startRedis(): Promise<Service> {
  const program = await install(redisServer)
  const folder = await mkdtemp(join(tmpdir(), 'background-tasks-redis-'))
  const port = await freePort()
  let server: ServiceProcess
  const start = async (): Promise<void> => {
    const options = {
      bind: '127.0.0.1',
      port: String(port),
      dir: folder,
      appendonly: 'yes',
      'maxmemory-policy': 'noeviction',
    }
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
    server = await spawnService([program, ...args], { isReady: () => accepts(port) })
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    server.child.kill(signal)
    await server.exited
  }
  await start()
  return {
    port,
    start,
    crash: () => end('SIGKILL'),
    freeze: () => server.child.kill('SIGSTOP'),
    thaw: () => server.child.kill('SIGCONT'),
    stop: async () => {
      await end('SIGKILL')
      await rm(folder, { recursive: true })
    },
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
