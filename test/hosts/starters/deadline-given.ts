import { withBackgroundTasks } from 'background-tasks'
import { addTooMuch, reporting } from '../app/deadline.ts'

/** As on Netlify, which tells no limit. */
export default withBackgroundTasks(
  (tasks, _request: Request, _context: object) => {
    addTooMuch(tasks, '')
    return new Response('answered')
  },
  { ...reporting, deadline: 2000 },
)
