import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Starts a Redis for this run, which keeps its data for the next one. In earnest there is one
 * already: set `REDIS_URL`.
 *
 * @returns The path of its socket, which does for a URL.
 */
export async function startRedis(): Promise<string> {
  const folder = join(tmpdir(), 'background-tasks-redis')
  // Of this run only: after a `kill -9`, the Redis of the last run may be about to remove its own.
  const socket = join(folder, `socket-${process.pid}`)
  await mkdir(folder, { recursive: true })
  // In a group of its own, so that Ctrl+C does not take it from those who have work to hand over.
  // It ends when `cat` does, as the pipe does, as this process does.
  const script = 'type redis-server > /dev/null || exit; redis-server "$@" & cat; kill $!'
  const options = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--appendonly', 'yes']
  const shell = spawn('sh', ['-c', script, 'sh', ...options], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  shell.unref()
  while (!existsSync(socket)) {
    if (shell.exitCode !== null) {
      throw new Error('Cannot start redis-server: there is none, install it or set REDIS_URL')
    }
    await sleep(10)
  }
  return socket
}
