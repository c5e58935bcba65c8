import { BackgroundTask, drain } from '../../src/index.ts'

/** A process that waits for nothing but the end of a response that nobody reads. */
const task = new BackgroundTask({ run: ({ outcome }) => console.log(outcome) })
task.wrap(new Response('body'), { unreadTimeout: 100 })
const { finished } = await drain()
console.log(`drained ${finished}`)
