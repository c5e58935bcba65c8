import type { Handle } from '@sveltejs/kit/hooks'
import { provideBackgroundTasks } from 'background-tasks/context'

export const handle: Handle = provideBackgroundTasks(({ event, resolve }) => resolve(event))
