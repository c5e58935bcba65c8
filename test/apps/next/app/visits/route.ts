import { withBackgroundTasks } from 'background-tasks/next'
import { cookies, headers } from 'next/headers'

async function noteVisit(): Promise<void> {
  const theme = (await cookies()).get('theme')?.value
  const agent = (await headers()).get('user-agent')
  console.log(`visit with ${theme} by ${agent}`)
}

export const GET = withBackgroundTasks((tasks, _request: Request) => {
  tasks.addTask(noteVisit)
  return new Response('noted')
})
