import { inspect } from 'node:util'
import { BackgroundTask, BackgroundTasks, drain, instrument } from '../../src/index.ts'

/** A process in which everything fails that can: a rejection that is left to nobody ends it. */
const unreadable = {
  [inspect.custom]() {
    throw new Error('cannot be printed')
  },
}
const thrown = [new Error('bug'), 'bug', undefined, unreadable]

const undo = instrument(async (task, run) => {
  await run()
  throw new Error(`of the instrument of ${task.name}`)
})
for (const error of thrown) {
  const fail = async (): Promise<never> => {
    throw error
  }
  const onError = async (): Promise<never> => await fail()
  const tasks = new BackgroundTasks([], { onError, failure: 'continue', timeout: 20 })
  tasks.addTask(fail)
  tasks.addTask(() => {
    throw error
  })
  tasks.addTask({
    run: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => setTimeout(reject, 20))),
  })
  tasks.defer(fail)
  await tasks.wrap(new Response('body')).text()
  await new BackgroundTask(fail).wrap(new Response('body')).text()
  void new BackgroundTask(fail).run()
  void new BackgroundTasks([new BackgroundTask(fail)]).run()
}
await drain()
undo()
// The tasks that were given up on reject now.
await new Promise((resolve) => setTimeout(resolve, 100))
console.log('all ended')
