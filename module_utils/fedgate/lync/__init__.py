"""Lync Server 2013 and Skype for Business Server 2015, managed over PowerShell remoting from the controller."""
