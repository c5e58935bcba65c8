import { BackgroundTasks } from 'background-tasks'
import { durable } from 'background-tasks/bullmq'
import { connect } from '../../services/queue.ts'
import { answerQuestions } from '../measure/processes.ts'
import type { Answer, Question } from './away.ts'

const queue = connect('redis', Number(process.argv[2])).openQueue('bench')
const jobs = durable(queue, { note: (_id: number) => {} })

const ways: Record<string, (id: number) => Promise<unknown>> = {
  'BullMQ alone': (id) => queue.add('note', { id }),
  async '`durable`'(id) {
    const tasks = new BackgroundTasks()
    await jobs.addTask(tasks, 'note', id)
    await tasks.wrap(new Response(null, { status: 202 })).text()
    await tasks.finished
  },
}

answerQuestions<Question, Answer>(async ({ way, count }) => {
  const before = { start: performance.now(), ...process.cpuUsage() }
  // All at once: what each waits for, a later macrotask say, is not what it costs.
  await Promise.all(Array.from({ length: count }, (_, id) => ways[way]?.(id)))
  const { user, system } = process.cpuUsage(before)
  return { milliseconds: performance.now() - before.start, cpu: user + system }
})
