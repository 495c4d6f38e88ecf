/* An /init that never says anything. */
int main(void)
{
	for (;;)
		;
}
