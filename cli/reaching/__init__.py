"""How commands reach the server and the chat page of a stack: which Services, with which key, through which port."""
