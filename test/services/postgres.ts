import { execFile } from 'node:child_process'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../support/server-process.ts'
import { install, postgres } from './install.ts'
import { type Service, type ServiceProcess, spawnService } from './service.ts'

const run = promisify(execFile)

/** A PostgreSQL with the user and database `postgres`, and no password. */
export async function startPostgres(options: { fsync?: 'on' | 'off' } = {}): Promise<Service> {
  // Only a crash of the machine could tell the difference, and the tests crash processes.
  const { fsync = 'off' } = options
  const program = await install(postgres)
  const owner = await unprivileged()
  const folder = await mkdtemp(join(tmpdir(), 'background-tasks-postgres-'))
  if (owner !== undefined) await chown(folder, owner.uid, owner.gid)
  const initdb = join(dirname(program), 'initdb')
  const data = join(folder, 'data')
  await run(initdb, ['--pgdata', data, '--username=postgres', '--auth=trust', '--no-sync'], owner)

  const port = await freePort()
  let server: ServiceProcess
  const start = async (): Promise<void> => {
    const settings = [
      `port=${port}`,
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'max_connections=200',
      `fsync=${fsync}`,
    ]
    const args = settings.flatMap((setting) => ['-c', setting])
    const isReady = (): Promise<boolean> =>
      run(join(dirname(program), 'pg_isready'), ['--host=127.0.0.1', `--port=${port}`]).then(
        () => true,
        () => false,
      )
    server = await spawnService([program, '-D', data, ...args], { isReady, ...owner })
  }
  // SIGQUIT is PostgreSQL's own word for "as if it had crashed": its processes end at once, and the
  // next start recovers from the log. A SIGKILL would leave the processes of its connections behind.
  const end = async (): Promise<void> => {
    server.child.kill('SIGQUIT')
    await server.exited
  }
  await start()
  return {
    port,
    start,
    crash: end,
    freeze: () => {
      throw new Error('Cannot freeze PostgreSQL: it is a process per connection')
    },
    thaw: () => {},
    stop: async () => {
      await end()
      await rm(folder, { recursive: true })
    },
  }
}

/** PostgreSQL refuses to run as root: the user that its package made runs it then. */
async function unprivileged(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout)),
  )
  if (uid === undefined || gid === undefined) throw new Error('There is no user postgres')
  return { uid, gid }
}
