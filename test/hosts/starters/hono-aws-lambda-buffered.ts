import { provideBackgroundTasks } from 'background-tasks/hono'
import { Hono } from 'hono'
import { handle } from 'hono/aws-lambda'
import { report } from '../app/control.ts'
import { serveBuffered } from '../app/lambda.ts'
import { handler } from '../examples/hono-aws-lambda-buffered.ts'

// As a user who does not wait.
const app = new Hono().use(provideBackgroundTasks()).get('/forgetful', (c) => {
  c.var.backgroundTasks.addTask(report, 'forgotten', '')
  return c.text('answered')
})

serveBuffered({ '/notify': handler, '/forgetful': handle(app) })
