import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const page = await readFile(new URL('../../docs/observability.md', import.meta.url), 'utf8')

/** Runs the fence of the page below the heading, and returns what it prints. */
async function run(heading: string): Promise<string> {
  const section = page.slice(page.indexOf(`## ${heading}`))
  const [, code = ''] = /```ts\n([^]*?)```/.exec(section) ?? []
  const args = ['--input-type=module-typescript', '--eval', code]
  const cwd = fileURLToPath(new URL('.', import.meta.url))
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd })
  expect(stderr).toBe('')
  return stdout
}

describe('docs/observability.md', { timeout: 30_000 }, () => {
  it('logs a line per task, and a failure once', async () => {
    const [answer, ...lines] = (await run('A log line per task')).trim().split('\n')
    expect(answer).toBe('ordered')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 30, msg: 'task done', task: 'sendWelcome', status: 'fulfilled', outcome: 'closed' },
      {
        level: 50,
        msg: 'task failed',
        task: 'sendReceipt',
        status: 'rejected',
        err: { message: 'mailbox full' },
      },
    ])
  })

  it('counts the tasks that have ended, and for how long they ran', async () => {
    expect((await run('Counters')).split('\n')).toEqual(
      expect.arrayContaining([
        'background_tasks_running 0',
        'background_tasks_total{task="sendWelcome",status="fulfilled",outcome="closed"} 1',
        'background_task_duration_seconds_count{task="sendWelcome"} 1',
      ]),
    )
  })
})
