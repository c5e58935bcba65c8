import { redirect } from '@sveltejs/kit'
import { backgroundTasks } from 'background-tasks/context'
import { report } from '../../../../scenario.ts'
import type { RequestHandler } from './$types'

export const GET: RequestHandler = ({ url }) => {
  backgroundTasks().addTask(report, 'task-start', url.searchParams.get('id') ?? 'none')
  redirect(303, '/elsewhere')
}
