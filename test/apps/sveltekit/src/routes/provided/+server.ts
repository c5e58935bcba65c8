import { backgroundTasks } from 'background-tasks/context'
import { answer } from '../../../../scenario.ts'
import type { RequestHandler } from './$types'

export const fallback: RequestHandler = ({ request }) => answer(backgroundTasks, request)
