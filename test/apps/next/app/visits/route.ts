import { withBackgroundTasks } from 'background-tasks/next'
import { cookies, headers } from 'next/headers'
import { connection } from 'next/server'

async function noteVisit(): Promise<void> {
  const theme = (await cookies()).get('theme')?.value
  const agent = (await headers()).get('user-agent')
  console.log(`visit with ${theme} by ${agent}`)
}

export const GET = withBackgroundTasks(async (tasks) => {
  await connection() // with Cache Components this route would be static otherwise
  tasks.addTask(noteVisit)
  return new Response('noted')
})
