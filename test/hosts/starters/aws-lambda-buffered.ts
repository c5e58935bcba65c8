import { withBackgroundTasks } from 'background-tasks'
import { toLambdaHandler } from 'srvx/aws-lambda'
import { report } from '../app/control.ts'
import { serveBuffered } from '../app/lambda.ts'
import { handler } from '../examples/aws-lambda-buffered.ts'

// As a user who does not wait.
const forgetful = toLambdaHandler({
  fetch: withBackgroundTasks((tasks) => {
    tasks.addTask(report, 'forgotten', '')
    return new Response('answered')
  }),
})

serveBuffered({ '/notify': handler, '/forgetful': forgetful })
