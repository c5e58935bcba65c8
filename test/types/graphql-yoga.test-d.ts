import { createServerAdapter, type ServerAdapterPlugin } from '@whatwg-node/server'
import { withBackgroundTasks } from 'background-tasks'
import { provideBackgroundTasks } from 'background-tasks/context'
import { createYoga, type Plugin } from 'graphql-yoga'

// A plugin of Yoga, and of the server adapter that it is built on.
const plugin: Plugin = {
  onRequest({ requestHandler, setRequestHandler }) {
    setRequestHandler(provideBackgroundTasks(requestHandler))
  },
}
createYoga({ plugins: [plugin] })
export const adapterPlugin: ServerAdapterPlugin = {
  onRequest({ requestHandler, setRequestHandler }) {
    setRequestHandler(provideBackgroundTasks(requestHandler))
  },
}

// A handler of the adapter itself.
createServerAdapter(
  withBackgroundTasks((tasks, request: Request) => {
    tasks.addTask(console.log, request.url)
    return new Response('ok')
  }),
)
