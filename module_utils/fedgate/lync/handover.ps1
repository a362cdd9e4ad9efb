# SPDX-License-Identifier: Apache-2.0
# Carries out a task of Fedgate on an Edge Server that has no remote management, and writes down what came of it.
#
#   powershell -NoProfile -File fedgate-handover.ps1 -Task task.json -Result result.json
#
# This file never changes; review it once, and compare its SHA-256 with the one in the documentation of your release.
# All values are in task.json, which can be read before it is run. They are given to cmdlets as typed parameters and are
# never run as script. Only the cmdlets below are called, only with the parameters below, and files are touched only
# where their names begin with "fedgate-". Run it as a local administrator. PowerShell 3 or later.

[CmdletBinding()]
param(
    [Parameter(Mandatory = $true)] [string] $Task,
    [Parameter(Mandatory = $true)] [string] $Result
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

# Cmdlet -> the parameters that it may be given.
$Allowed = @{
    'Get-CsCertificate'     = @()
    'Get-ChildItem'         = @('Path')
    'Get-Content'           = @('Path')
    'Request-CsCertificate' = @('New', 'Type', 'ComputerFqdn', 'FriendlyName', 'Template', 'Organization', 'OU', 'City',
                                'State', 'Country', 'DomainName', 'KeyAlg', 'KeySize', 'PrivateKeyExportable',
                                'ClientEKU', 'AllSipDomain', 'Output', 'Confirm')
    'Import-CsCertificate'  = @('Path', 'Confirm')
    'Import-Certificate'    = @('FilePath', 'CertStoreLocation')
    'Set-CsCertificate'     = @('Type', 'Thumbprint', 'Roll', 'EffectiveDate', 'Confirm')
    'Set-Content'           = @('Path', 'Value', 'Encoding')
    'Remove-Item'           = @('Path', 'Force')
    'Stop-CsWindowsService' = @('Graceful', 'Confirm')
    'Start-CsWindowsService' = @('Confirm')
}

# Parameters that name a place -> what the place must look like.
$OfFile = '^[A-Za-z]:\\([^\\/:*?"<>|\[\]]+\\)*fedgate-[A-Za-z0-9._-]+$'
$OfStore = '^Cert:\\LocalMachine\\(My|REQUEST|CA|Root)$'
$OfRequest = '^Cert:\\LocalMachine\\REQUEST\\[0-9A-F]{40}$'
$OfAuthorities = '^Cert:\\LocalMachine\\CA$'
$Places = @{
    'Get-ChildItem/Path'                   = @($OfStore)
    'Get-Content/Path'                     = @($OfFile)
    'Set-Content/Path'                     = @($OfFile)
    'Remove-Item/Path'                     = @($OfFile, $OfRequest)
    'Request-CsCertificate/Output'         = @($OfFile)
    'Import-CsCertificate/Path'            = @($OfFile)
    'Import-Certificate/FilePath'          = @($OfFile)
    'Import-Certificate/CertStoreLocation' = @($OfAuthorities)
}

function Test-Call {
    # Refuses a call that this script is not made for.
    param($Call)
    if (-not $Allowed.ContainsKey($Call.cmdlet)) {
        throw "The task wants '$($Call.cmdlet)', which this script does not call."
    }
    foreach ($property in $Call.parameters.PSObject.Properties) {
        if ($Allowed[$Call.cmdlet] -notcontains $property.Name) {
            throw "The task gives '$($Call.cmdlet)' the parameter '$($property.Name)', which this script does not pass."
        }
        $place = '{0}/{1}' -f $Call.cmdlet, $property.Name
        if ($Places.ContainsKey($place)) {
            $fitting = @($Places[$place] | Where-Object { [string] $property.Value -match $_ })
            if ($fitting.Count -eq 0) {
                throw "The task gives '$place' the value '$($property.Value)', which this script does not touch."
            }
        }
    }
}

function ConvertTo-Parameter {
    # Returns the parameters as a hashtable for splatting; null stands for a switch.
    param($Parameters)
    $typed = @{}
    foreach ($property in $Parameters.PSObject.Properties) {
        if ($null -eq $property.Value) {
            $typed[$property.Name] = $true
        }
        elseif ($property.Value -is [array]) {
            $typed[$property.Name] = [string[]] $property.Value
        }
        else {
            $typed[$property.Name] = $property.Value
        }
    }
    return $typed
}

function ConvertTo-Plain {
    # Returns what JSON can hold: texts as they are, of objects the properties that the task wants.
    param($Value, $Select)
    if ($Value -is [string]) {
        return [string] $Value
    }
    $plain = @{}
    foreach ($name in $Select) {
        $property = $Value.PSObject.Properties[$name]
        if ($null -eq $property -or $null -eq $property.Value) {
            $plain[$name] = $null
        }
        elseif ($property.Value -is [byte[]]) {
            $plain[$name] = @{ 'base64' = [Convert]::ToBase64String($property.Value) }
        }
        elseif ($property.Value -is [bool]) {
            $plain[$name] = $property.Value
        }
        else {
            $plain[$name] = [string] $property.Value
        }
    }
    return $plain
}

function Invoke-Call {
    # Carries out one call and returns its entry of the result.
    param($Call)
    try {
        $parameters = ConvertTo-Parameter $Call.parameters
        $output = @(& $Call.cmdlet @parameters)
        $plain = @($output | ForEach-Object { ConvertTo-Plain $_ $Call.select })
        return @{ 'id' = $Call.id; 'ok' = $true; 'output' = $plain }
    }
    catch {
        return @{
            'id'       = $Call.id
            'ok'       = $false
            'error'    = [string] $_.Exception.Message
            'error_id' = [string] $_.FullyQualifiedErrorId
        }
    }
}

$wanted = Get-Content -LiteralPath $Task | Out-String | ConvertFrom-Json
if ($wanted.format -ne 1) {
    throw "The task has format '$($wanted.format)'; this script knows format 1."
}
foreach ($call in @($wanted.actions) + @($wanted.looks)) {
    Test-Call $call
}

$module = @('SkypeForBusiness', 'Lync') | Where-Object { Get-Module -ListAvailable -Name $_ } | Select-Object -First 1
if ($null -eq $module) {
    throw 'This computer has neither the PowerShell module SkypeForBusiness nor Lync: it is no Edge Server.'
}
Import-Module -Name $module

# What changes something stops at the first error; a file that was put there is removed all the same.
$done = @()
$failed = $false
foreach ($call in @($wanted.actions)) {
    if ($failed -and $call.cmdlet -ne 'Remove-Item') {
        continue
    }
    $entry = Invoke-Call $call
    if (-not $entry.ok -and -not $call.optional) {
        $failed = $true
    }
    $done += $entry
}
foreach ($call in @($wanted.looks)) {
    $done += Invoke-Call $call
}

@{
    'format'   = 1
    'task'     = $wanted.task
    'computer' = $env:COMPUTERNAME
    'finished' = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ')
    'results'  = $done
} | ConvertTo-Json -Depth 8 | Set-Content -LiteralPath $Result -Encoding UTF8

if ($failed) {
    Write-Warning "Not everything was done; $Result says what. Bring it back all the same."
}
else {
    Write-Output "Done. Bring $Result back to the controller."
}
