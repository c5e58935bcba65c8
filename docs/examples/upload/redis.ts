import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Redis {
  /** The path of its socket, which does for a URL. */
  readonly url: string
  /** Ends it, and removes its data unless they are `kept`. */
  readonly stop: (options: { readonly kept: boolean }) => Promise<void>
}

/**
 * Starts a Redis for this run. It keeps its data for the next one, if this one is killed. In earnest
 * there is one already: set `REDIS_URL`.
 */
export async function startRedis(): Promise<Redis> {
  const folder = join(tmpdir(), 'background-tasks-redis')
  // Of this run only: after a `kill -9`, the Redis of the last run may be about to remove its own.
  const url = join(folder, `socket-${process.pid}`)
  await mkdir(folder, { recursive: true })
  // In a group of its own, so that Ctrl+C does not take it from those who have work to hand over.
  // It ends when `cat` does, as the pipe does, as this process does.
  const script = 'type redis-server > /dev/null || exit; redis-server "$@" & cat; kill $!; wait'
  const options = ['--port', '0', '--unixsocket', url, '--dir', folder, '--appendonly', 'yes']
  const shell = spawn('sh', ['-c', script, 'sh', ...options], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  shell.unref()
  while (!existsSync(url)) {
    if (shell.exitCode !== null) {
      throw new Error('there is no redis-server, install it or set REDIS_URL')
    }
    await sleep(10)
  }
  return {
    url,
    stop: async ({ kept }) => {
      const exit = once(shell, 'exit')
      shell.ref()
      shell.stdin.end()
      await exit
      if (!kept) await rm(folder, { recursive: true })
    },
  }
}
