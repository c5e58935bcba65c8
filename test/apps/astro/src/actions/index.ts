import { defineAction } from 'astro:actions'
import { z } from 'astro/zod'
import { backgroundTasks } from 'background-tasks/context'
import { report } from '../../../scenario.ts'

export const server = {
  greet: defineAction({
    input: z.object({ id: z.string() }),
    handler: ({ id }) => {
      backgroundTasks().addTask(report, 'task-start', id)
      return `hello ${id}`
    },
  }),
}
