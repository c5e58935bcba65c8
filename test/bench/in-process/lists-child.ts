import { BackgroundTasks } from 'background-tasks'
import { answerQuestions } from '../measure/processes.ts'
import type { Question } from './lists.ts'

const kinds = { sync: () => {}, async: async () => {} }
/** So many tasks in all, so that short lists make as much garbage as a long one. */
const inAll = 100_000

/** Answers with the microseconds of one list. */
answerQuestions<Question, number>(async ({ kind, tasks }) => {
  const lists = inAll / tasks
  globalThis.gc?.()
  const start = performance.now()
  for (let list = 0; list < lists; list += 1) await run(kinds[kind], tasks)
  return ((performance.now() - start) * 1000) / lists
})

async function run(task: () => unknown, count: number): Promise<void> {
  const tasks = new BackgroundTasks()
  for (let index = 0; index < count; index += 1) tasks.addTask(task)
  await tasks.wrap(new Response(null)).text()
  const { length } = await tasks.finished
  if (length !== count) throw new Error(`${length} of ${count} tasks have ended`)
}
