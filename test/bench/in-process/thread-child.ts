import { BackgroundTasks } from 'background-tasks'
import { workerThread } from 'background-tasks/worker-threads'
import { Piscina } from 'piscina'
import { answerQuestions } from '../measure/processes.ts'
import type { Answer, Question } from './away.ts'

const file = new URL('../scaling-out-task.ts', import.meta.url)
// One thread each: there is one core beside that of this thread.
const pool = new Piscina({ filename: file.href, name: 'now', minThreads: 1, maxThreads: 1 })
const onThread = workerThread<{ now: () => number }>(file, 'now', { threads: 1 })

const ways: Record<string, () => Promise<unknown>> = {
  'piscina alone': () => pool.run(undefined),
  async '`workerThread`'() {
    const tasks = new BackgroundTasks()
    tasks.addTask(onThread)
    await tasks.wrap(new Response(null, { status: 202 })).text()
    await tasks.finished
  },
}

answerQuestions<Question, Answer>(async ({ way, count }) => {
  const before = { start: performance.now(), ...process.cpuUsage() }
  // All at once: what each waits for, a later macrotask say, is not what it costs.
  await Promise.all(Array.from({ length: count }, () => ways[way]?.()))
  const { user, system } = process.cpuUsage(before)
  return { milliseconds: performance.now() - before.start, cpu: user + system }
})
