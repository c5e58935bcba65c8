export async function writeNotification(
  email: string,
  options: { message: string },
): Promise<void> {
  console.log(`notification for ${email}: ${options.message}`)
}
