import { createServer } from 'node:http'
import { backgroundTasks, provideBackgroundTasks } from 'background-tasks/context'
import { createSchema, createYoga, type Plugin, type YogaInitialContext } from 'graphql-yoga'
import { answer, report, writeNotification } from '../scenario.ts'

const tasks: Plugin = {
  onRequest({ requestHandler, setRequestHandler }) {
    setRequestHandler(provideBackgroundTasks(requestHandler))
  },
}

/** Adds the task that the request's URL asks for, and answers with the text of that answer. */
async function answered(_: unknown, __: unknown, context: YogaInitialContext): Promise<string> {
  const response = await answer(backgroundTasks, context.request)
  return response.text()
}

// #region subscription
const ticks = {
  subscribe(_parent: unknown, { id }: { id: string }): AsyncGenerator<{ ticks: string }> {
    backgroundTasks().addTask({ run: ({ outcome }) => writeNotification(id, outcome) })
    return events(id)
  },
}
// #endregion

const yoga = createYoga({
  plugins: [tasks],
  logging: false,
  schema: createSchema<YogaInitialContext>({
    typeDefs: `
      type Query { answer: String, sibling(id: String!): Int! }
      type Mutation { answer: String }
      type Subscription { ticks(id: String!): String! }
    `,
    resolvers: {
      Query: {
        answer: answered,
        async sibling(_, { id }) {
          await new Promise((resolve) => setTimeout(resolve, 40))
          backgroundTasks().addTask(report, 'sibling', id)
          return backgroundTasks().tasks.length
        },
      },
      Mutation: { answer: answered },
      Subscription: {
        ticks,
      },
    },
  }),
})

async function* events(id: string): AsyncGenerator<{ ticks: string }> {
  try {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      yield { ticks: 'tick' }
    }
  } finally {
    report('source-cancelled', id)
  }
}

createServer(yoga).listen(Number(process.env['PORT']), '127.0.0.1')
