import { BackgroundTask } from '../../src/index.ts'

/** A process that has nothing to do but to wait for a response that nobody reads. */
const task = new BackgroundTask(() => console.log('ran'))
task.wrap(new Response('body'), { unreadTimeout: 3_600_000 })
console.log('wrapped')
