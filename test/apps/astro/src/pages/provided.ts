import type { APIRoute } from 'astro'
import { backgroundTasks } from 'background-tasks/context'
import { answer } from '../../../scenario.ts'

export const ALL: APIRoute = ({ request }) => answer(backgroundTasks, request)
