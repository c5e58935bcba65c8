import { createServer } from 'node:http'
import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'
import { createSchema, createYoga, type Plugin } from 'graphql-yoga'
import { writeNotification } from './notification.ts'

const tasks: Plugin = {
  onRequest({ requestHandler, setRequestHandler }) {
    setRequestHandler(provideBackgroundTasks(requestHandler))
  },
}

const yoga = createYoga({
  plugins: [tasks],
  schema: createSchema({
    typeDefs: `
      type Query { hello: String! }
      type Mutation { notify(email: String!): String! }
    `,
    resolvers: {
      Query: { hello: () => 'world' },
      Mutation: {
        notify(_parent, { email }) {
          backgroundTasks().addTask(writeNotification, email, 'some notification')
          return 'Notification sent in the background'
        },
      },
    },
  }),
})

createServer(yoga).listen(Number(process.env['PORT']), '127.0.0.1')
